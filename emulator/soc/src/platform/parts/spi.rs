//! The SPI buses of the board: devices behind pads, for the chip's controllers and for those that software makes.
//!
//! A device is selected while its chip select is low, whether the controller drives it or software does. Devices sample on the rise
//! of SCK (modes 0 and 3).

use espalier_core::{Damaged, PadMatrix, Persist, Reader, SpiTarget, SpiTransaction, Time, Writer};
use espalier_parts::SpiPart;

use super::{Parts, Slot};
use crate::platform::signals::SpiSignals;

const BITS: u8 = 8;
/// The byte that a controller sends while it only reads.
const IDLE_MOSI: u8 = 0;
/// The byte that a controller reads where no device drives its line.
const IDLE_MISO: u8 = 0xFF;

/// A device and its pads.
#[derive(Clone, Debug)]
pub struct SpiLines {
    slot: usize,
    sck: u8,
    mosi: Option<u8>,
    miso: Option<u8>,
    cs: Option<u8>,
    dc: Option<u8>,
    /// Chip select is low.
    selected: bool,
    /// The bits that software has clocked by driving the pads: its byte, that of the device, and their number.
    clock: bool,
    incoming: u8,
    outgoing: u8,
    bits: u8,
    /// The level of MISO while software clocks.
    driven: Option<bool>,
}

espalier_core::persist! {
    state SpiLines {
        selected, clock, incoming, outgoing, bits, driven
    } fixed { slot, sck, mosi, miso, cs, dc } if SpiLines::is_sound;
}

impl SpiLines {
    pub fn new(slot: usize, sck: u8, mosi: Option<u8>, miso: Option<u8>, cs: Option<u8>, dc: Option<u8>) -> SpiLines {
        SpiLines {
            slot,
            sck,
            mosi,
            miso,
            cs,
            dc,
            selected: false,
            clock: false,
            incoming: 0,
            outgoing: 0,
            bits: 0,
            driven: None,
        }
    }

    fn is_sound(&self) -> bool {
        self.bits < BITS
    }

    /// Chip select has another level than before.
    fn select(&mut self, selected: bool, slots: &mut [Slot], now: Time) {
        if self.selected == selected {
            return;
        }
        self.selected = selected;
        (self.bits, self.driven) = (0, None);
        if let Some(device) = slots[self.slot].touched().spi() {
            if selected { device.select(now) } else { device.deselect(now) }
        }
    }

    /// Whether software holds chip select low, or there is none; None if software does not drive it.
    fn selected_by_software(&self, matrix: &dyn PadMatrix) -> Option<bool> {
        match self.cs {
            Some(cs) => matrix.output(usize::from(cs)).map(|level| !level),
            None => Some(true),
        }
    }

    fn data(&self, matrix: &dyn PadMatrix) -> bool {
        self.dc.is_none_or(|dc| matrix.level(usize::from(dc)))
    }

    /// Software has changed pads.
    fn follow(&mut self, slots: &mut [Slot], matrix: &dyn PadMatrix, now: Time) -> bool {
        let before = self.driven;
        if let Some(selected) = self.selected_by_software(matrix) {
            self.select(selected, slots, now);
        }
        let clock = matrix.output(usize::from(self.sck)).unwrap_or(self.clock);
        let rises = clock && !self.clock;
        self.clock = clock;
        if rises
            && self.selected
            && let Some(device) = slots[self.slot].touched().spi()
        {
            if self.bits == 0 {
                self.outgoing = device.send(now);
            }
            let level = self.mosi.and_then(|mosi| matrix.output(usize::from(mosi))).unwrap_or(true);
            self.incoming = self.incoming << 1 | u8::from(level);
            self.driven = Some(self.outgoing << self.bits & 0x80 != 0);
            self.bits += 1;
            if self.bits == BITS {
                self.bits = 0;
                device.receive(self.incoming, self.data(matrix), now);
            }
        }
        self.miso.is_some() && self.driven != before
    }
}

/// A device in a transaction of a controller.
#[derive(Clone, Copy, Debug)]
struct Active {
    device: usize,
    hears: bool,
    answers: bool,
    data: bool,
    /// The controller drives its chip select.
    by_controller: bool,
}

/// All devices.
#[derive(Clone, Debug, Default)]
pub struct SpiDevices {
    devices: Vec<SpiLines>,
    /// The devices that take part in the present transaction.
    active: Vec<Active>,
}

impl Persist for SpiDevices {
    fn save(&self, to: &mut Writer) {
        let SpiDevices { devices, active: _ } = self;
        Persist::save_all(devices, to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        Persist::restore_all(&mut self.devices, from)
    }
}

impl SpiDevices {
    pub fn attach(&mut self, device: SpiLines) {
        self.devices.push(device);
    }

    /// Power is back.
    pub fn release(&mut self) {
        for device in &mut self.devices {
            (device.selected, device.bits, device.driven) = (false, 0, None);
        }
    }

    /// The level that a device gives to MISO while software clocks.
    pub fn pad_level(&self, pin: usize) -> Option<bool> {
        let mut at_pin = self.devices.iter().filter(|device| device.miso.is_some_and(|miso| usize::from(miso) == pin));
        at_pin.find_map(|device| device.driven)
    }

    pub fn follow(&mut self, slots: &mut [Slot], matrix: &dyn PadMatrix, now: Time) -> bool {
        self.devices.iter_mut().fold(false, |changed, device| device.follow(slots, matrix, now) | changed)
    }
}

impl Parts {
    /// The devices at the pads that a SPI controller drives, with the chip select that is low during the transaction.
    pub fn spi_bus(
        &mut self,
        signals: SpiSignals,
        chip_select: Option<usize>,
        matrix: &dyn PadMatrix,
    ) -> Option<&mut dyn SpiTarget> {
        let Parts { devices: SpiDevices { devices, active }, direct, .. } = self;
        active.clear();
        let carries = |pin: u8, signal: u32| match direct.get(usize::from(pin)).copied().flatten() {
            Some(direct) => direct == signal,
            None => matrix.out_signal(usize::from(pin)) == signal,
        };
        let feeds = |pin: u8| {
            let by_matrix = matrix.in_signal(signals.q).is_some_and(|(from, _)| from == usize::from(pin));
            by_matrix || direct.get(usize::from(pin)).copied().flatten() == Some(signals.q)
        };
        for (index, device) in devices.iter().enumerate().filter(|(_, device)| carries(device.sck, signals.clock)) {
            let line = chip_select.map(|line| signals.chip_selects[line]);
            let by_controller = device.cs.zip(line).is_some_and(|(cs, line)| carries(cs, line));
            if by_controller || device.selected_by_software(matrix) == Some(true) {
                active.push(Active {
                    device: index,
                    hears: device.mosi.is_some_and(|mosi| carries(mosi, signals.d)),
                    answers: device.miso.is_some_and(feeds),
                    data: device.data(matrix),
                    by_controller,
                });
            }
        }
        if active.is_empty() { None } else { Some(self) }
    }
}

/// The devices that take part in the present transaction.
impl SpiTarget for Parts {
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], now: Time) {
        self.dirty = true;
        let Parts { devices: SpiDevices { devices, active }, slots, .. } = self;
        miso.fill(IDLE_MISO);
        for Active { device, hears, answers, data, by_controller } in active.iter().copied() {
            let lines = &mut devices[device];
            lines.select(true, slots, now);
            let Some(device) = slots[lines.slot].touched().spi() else { continue };
            let mut wire = Wire { device, hears, data, now };
            for byte in preamble(transaction) {
                wire.exchange(byte);
            }
            let mut answers = miso.iter_mut().filter(|_| answers);
            for byte in transaction.mosi {
                let sent = wire.exchange(*byte);
                if transaction.full_duplex
                    && let Some(answer) = answers.next()
                {
                    *answer &= sent;
                }
            }
            answers.for_each(|answer| *answer &= wire.exchange(IDLE_MOSI));
            if by_controller && !transaction.keeps_selected {
                lines.select(false, slots, now);
            }
        }
    }
}

/// A device that is selected, as a controller clocks it.
struct Wire<'a> {
    device: &'a mut dyn SpiPart,
    hears: bool,
    data: bool,
    now: Time,
}

impl Wire<'_> {
    fn exchange(&mut self, byte: u8) -> u8 {
        let sent = self.device.send(self.now);
        self.device.receive(if self.hears { byte } else { IDLE_MISO }, self.data, self.now);
        sent
    }
}

/// Command, address and dummy phase as bytes; bits that fill no byte are followed by zeros.
fn preamble(transaction: &SpiTransaction<'_>) -> Vec<u8> {
    let (command, command_bits) = transaction.command;
    let (address, address_bits) = transaction.address;
    let bits = usize::from(command_bits) + usize::from(address_bits) + usize::from(transaction.dummy_cycles);
    let mut bytes = vec![0; bits.div_ceil(usize::from(BITS))];
    let command = (0..command_bits).rev().map(|bit| command >> bit & 1 != 0);
    let address = (0..address_bits).rev().map(|bit| address >> bit & 1 != 0);
    for (place, _) in command.chain(address).enumerate().filter(|(_, set)| *set) {
        bytes[place / 8] |= 0x80 >> (place % 8);
    }
    bytes
}
