//! The partition table, as "Partition Tables" of the ESP-IDF programming guide describes it.

/// First bytes of every entry.
const ENTRY_MAGIC: [u8; 2] = [0xAA, 0x50];
const ENTRY: usize = 32;
/// Bytes that a table can have.
pub(super) const TABLE: usize = 0xC00;

const TYPE_APP: u8 = 0;
const TYPE_DATA: u8 = 1;
const SUBTYPE_FACTORY: u8 = 0x00;

/// One partition of the flash chip.
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

    /// Type and subtype, as in `app/factory`.
    pub fn kind(&self) -> String {
        let subtype = match (self.kind, self.subtype) {
            (TYPE_APP, SUBTYPE_FACTORY) => "factory".to_owned(),
            (TYPE_APP, ota @ 0x10..=0x1F) => format!("ota_{}", ota - 0x10),
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

/// The partition from which an empty chip starts: the factory application, or else the first application.
pub(super) fn boot(partitions: &[Partition]) -> Option<&Partition> {
    let mut apps = partitions.iter().filter(|partition| partition.is_app());
    apps.clone().find(|app| app.subtype == SUBTYPE_FACTORY).or_else(|| apps.next())
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
