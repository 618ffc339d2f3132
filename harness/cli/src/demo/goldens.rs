//! What the demo's screens have to show. The pictures are in the command itself, so that it needs no other file.

/// The golden picture `name` of the tutorial's application.
pub fn golden(name: &str) -> Option<&'static [u8]> {
    GOLDENS.iter().find(|(known, _)| *known == name).map(|(_, file)| *file)
}

macro_rules! goldens {
    ($($name:literal)*) => {
        const GOLDENS: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../../../fixtures/goldens/app/", $name, ".png")))),*];
    };
}

goldens! {
    "idle"
    "client-connected"
    "client-received-ascii"
    "client-received-chinese"
    "client-closed"
    "client-refused"
    "server-accepting"
    "server-received"
    "server-received-chinese"
}

#[cfg(test)]
mod tests {
    use super::{GOLDENS, golden};

    #[test]
    fn every_golden_is_a_picture_of_the_oled() {
        for (name, file) in GOLDENS {
            let bitmap = espalier::decode_png(file).unwrap();
            assert_eq!((bitmap.width(), bitmap.height()), (128, 64), "{name}");
        }
        assert!(golden("none").is_none());
    }
}
