//! Flat memory with nothing else on the bus.

use espalier_xtensa::{Bus, CODE_PAGE, Fault};

/// Memory from address 0 on. External registers read as the complement of their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Stores below this address are refused.
    pub writable_from: u32,
    /// What accesses beyond the end get.
    pub missing: Fault,
    /// Stores from this address on make the bus want [`Bus::attention`].
    pub attentive_from: u32,
    /// Set by such stores.
    pub attention: bool,
    /// Cycles before the present run.
    pub base: u64,
    /// When such stores came, and where to.
    pub attended: Vec<(u64, u32)>,
    versions: Vec<u32>,
}

impl Flat {
    /// Memory of `size` bytes that starts with `image`.
    pub fn new(size: usize, image: &[u8]) -> Flat {
        let mut bytes = image.to_vec();
        bytes.resize(size, 0);
        Flat {
            bytes,
            writable_from: 0,
            missing: Fault::Prohibited,
            attentive_from: u32::MAX,
            attention: false,
            base: 0,
            attended: Vec::new(),
            versions: vec![0; size.div_ceil(CODE_PAGE as usize)],
        }
    }

    fn read<const N: usize>(&self, address: u32) -> Result<[u8; N], Fault> {
        let start = address as usize;
        self.bytes.get(start..start + N).and_then(|bytes| bytes.try_into().ok()).ok_or(self.missing)
    }

    fn write<const N: usize>(&mut self, address: u32, value: [u8; N], cycle: u32) -> Result<(), Fault> {
        let start = address as usize;
        if address >= self.attentive_from {
            self.attention = true;
            self.attended.push((self.base + u64::from(cycle), address));
        }
        if address < self.writable_from {
            return Err(Fault::ReadOnly);
        }
        let missing = self.missing;
        self.bytes.get_mut(start..start + N).ok_or(missing)?.copy_from_slice(&value);
        self.versions[start / CODE_PAGE as usize] += 1;
        Ok(())
    }
}

impl Bus for Flat {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.read(address).map(u32::from_le_bytes)
    }

    fn load8(&mut self, address: u32, _: u32) -> Result<u8, Fault> {
        self.read(address).map(u8::from_le_bytes)
    }

    fn load16(&mut self, address: u32, _: u32) -> Result<u16, Fault> {
        self.read(address).map(u16::from_le_bytes)
    }

    fn load32(&mut self, address: u32, _: u32) -> Result<u32, Fault> {
        self.read(address).map(u32::from_le_bytes)
    }

    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<(), Fault> {
        self.write(address, value.to_le_bytes(), cycle)
    }

    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<(), Fault> {
        self.write(address, value.to_le_bytes(), cycle)
    }

    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<(), Fault> {
        self.write(address, value.to_le_bytes(), cycle)
    }

    fn attention(&self) -> bool {
        self.attention
    }

    fn code_version(&self, address: u32) -> u32 {
        self.versions.get(address as usize / CODE_PAGE as usize).copied().unwrap_or(0)
    }

    fn code_epoch(&self) -> u32 {
        0
    }

    fn read_external(&mut self, address: u32, _: u32) -> u32 {
        !address
    }

    fn write_external(&mut self, _: u32, _: u32, _: u32) {}
}
