//! The partition table, as "Partition Tables" of the ESP-IDF programming guide describes it, and which application it starts.

/// First bytes of every entry.
const ENTRY_MAGIC: [u8; 2] = [0xAA, 0x50];
const ENTRY: usize = 32;
/// Bytes that a table can have.
pub(super) const TABLE: usize = 0xC00;

const TYPE_APP: u8 = 0;
const TYPE_DATA: u8 = 1;
const SUBTYPE_FACTORY: u8 = 0x00;
const SUBTYPE_OTA: std::ops::RangeInclusive<u8> = 0x10..=0x1F;
const SUBTYPE_OTA_DATA: u8 = 0x00;

/// The two records of the partition `otadata` lie in a sector each ("Over The Air Updates" of the guide).
const SECTOR: u32 = 0x1000;
/// Bytes of a record, its sequence number first and the checksum of that last.
const OTA_RECORD: usize = 32;
const OTA_CHECKSUM: usize = 28;
/// Sequence number of an erased record.
const OTA_ERASED: u32 = u32::MAX;

/// One partition of the flash chip.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// let image = espalier_image::Image::read(path)?;
/// for partition in image.partitions().iter().filter(|partition| partition.is_app()) {
///     println!("{}: {:#x} to {:#x}", partition.label, partition.offset, partition.end());
/// }
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its label.
    pub label: String,
    kind: u8,
    subtype: u8,
    /// Where it begins in flash.
    pub offset: u32,
    /// Its length in bytes.
    pub size: u32,
}

impl Partition {
    /// Whether it is for an application.
    pub fn is_app(&self) -> bool {
        self.kind == TYPE_APP
    }

    /// Where it ends in flash.
    pub fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.size)
    }

    /// Type and subtype, as in `app/factory`.
    pub fn kind(&self) -> String {
        let subtype = match (self.kind, self.subtype) {
            (TYPE_APP, SUBTYPE_FACTORY) => "factory".to_owned(),
            (TYPE_APP, ota) if SUBTYPE_OTA.contains(&ota) => format!("ota_{}", ota - SUBTYPE_OTA.start()),
            (TYPE_APP, 0x20) => "test".to_owned(),
            (TYPE_DATA, 0x00) => "otadata".to_owned(),
            (TYPE_DATA, 0x01) => "phy".to_owned(),
            (TYPE_DATA, 0x02) => "nvs".to_owned(),
            (TYPE_DATA, 0x03) => "coredump".to_owned(),
            (TYPE_DATA, 0x04) => "nvs_keys".to_owned(),
            (TYPE_DATA, 0x81) => "fat".to_owned(),
            (TYPE_DATA, 0x82) => "spiffs".to_owned(),
            (TYPE_DATA, 0x83) => "littlefs".to_owned(),
            (_, other) => format!("{other:#04x}"),
        };
        match self.kind {
            TYPE_APP => format!("app/{subtype}"),
            TYPE_DATA => format!("data/{subtype}"),
            other => format!("{other:#04x}/{subtype}"),
        }
    }
}

/// Reads the table at the start of `bytes`; empty if there is none.
pub(super) fn read(bytes: &[u8]) -> Vec<Partition> {
    let table = &bytes[..bytes.len().min(TABLE)];
    table.chunks_exact(ENTRY).map_while(entry).collect()
}

/// Where the first table in `bytes` is: at the start of a sector, from the first one that a table can have on. A project may put
/// it anywhere, and only its bootloader's code says where.
pub(super) fn find(bytes: &[u8], offset: u32, first: u32) -> Option<u32> {
    let sectors = (first..=u32::MAX - SECTOR).step_by(SECTOR as usize);
    let within = sectors.take_while(|flash| ((flash - offset) as usize) < bytes.len());
    within.into_iter().find(|flash| is_table(&read(&bytes[(flash - offset) as usize..])))
}

/// Whether these are the entries of a table, and not bytes that happen to look like one: partitions have a length, and one of them
/// is for an application.
fn is_table(entries: &[Partition]) -> bool {
    entries.iter().any(Partition::is_app) && entries.iter().all(|entry| entry.size != 0)
}

/// The partition that the bootloader starts: what `otadata` chooses, or else the factory application, or else the first one.
/// `flash` gives the bytes from an offset on.
pub(super) fn boot<'a, 'b>(partitions: &'a [Partition], flash: impl Fn(u32) -> &'b [u8]) -> Option<&'a Partition> {
    let apps = || partitions.iter().filter(|partition| partition.is_app());
    let slots: Vec<_> = apps().filter(|app| SUBTYPE_OTA.contains(&app.subtype)).collect();
    let chosen = || {
        let data = partitions.iter().find(|part| part.kind == TYPE_DATA && part.subtype == SUBTYPE_OTA_DATA)?;
        let records = [data.offset, data.offset.checked_add(SECTOR)?].map(|offset| sequence(flash(offset)));
        let newest = records.into_iter().flatten().max()?;
        slots.get(newest.checked_sub(1)? as usize % slots.len().max(1)).copied()
    };
    let factory = || apps().find(|app| app.subtype == SUBTYPE_FACTORY);
    chosen().or_else(factory).or_else(|| apps().next())
}

/// The sequence number of the record at the start of `bytes`, if its checksum is right.
fn sequence(bytes: &[u8]) -> Option<u32> {
    let record = bytes.get(..OTA_RECORD)?;
    let word = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
    let number = word(0);
    (number != OTA_ERASED && word(OTA_CHECKSUM) == ota_checksum(number)).then_some(number)
}

/// CRC-32 of a sequence number as the ROM's `crc32_le` computes it from all ones, which inverts what it begins with. To begin with
/// zero instead of ones is to invert the first four bytes.
fn ota_checksum(sequence: u32) -> u32 {
    espalier_protocol::crc32(&(!sequence).to_le_bytes())
}

fn entry(bytes: &[u8]) -> Option<Partition> {
    let rest = bytes.strip_prefix(&ENTRY_MAGIC)?;
    let word = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
    let label = &rest[10..26];
    let end = label.iter().position(|byte| *byte == 0).unwrap_or(label.len());
    Some(Partition {
        kind: rest[0],
        subtype: rest[1],
        offset: word(2),
        size: word(6),
        label: String::from_utf8_lossy(&label[..end]).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::ota_checksum;

    #[test]
    fn the_checksum_is_that_of_arduinos_boot_app0() {
        // `boot_app0.bin` of the Arduino core chooses slot 1: 01 00 00 00 ... 9a 98 43 47.
        assert_eq!(ota_checksum(1), 0x4743_989A);
    }
}
