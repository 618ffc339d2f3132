//! The flash chip as caches show it whose content is encrypted.
//!
//! A page is decrypted when it is looked at first, and kept until the chip's memory changes under it; then only the bytes that differ are
//! decrypted again. All of this follows from the key and the chip's memory, so a snapshot holds the key alone.

use std::sync::{Arc, OnceLock};

use espalier_core::{Damaged, Page, Persist, Reader, Writer};
use espalier_parts::FlashChip;
use espalier_peripherals::{FLASH_CIPHER_BYTES, FlashCipher};

/// Pages that the MMU can map, whatever the size of the chip: addresses past its end are encrypted otherwise.
const PAGES: usize = 256;
const PAGE_BYTES: usize = size_of::<Page>();

/// The view of the caches.
#[derive(Clone, Default)]
pub struct PlainFlash {
    /// None: the content is shown as it is.
    cipher: Option<FlashCipher>,
    pages: Vec<Shown>,
}

#[derive(Clone, Default)]
struct Shown {
    now: OnceLock<Decrypted>,
    /// The page that was shown before the chip's memory changed.
    before: Option<Decrypted>,
}

#[derive(Clone)]
struct Decrypted {
    encrypted: Arc<Page>,
    plain: Arc<Page>,
}

impl Persist for PlainFlash {
    fn save(&self, to: &mut Writer) {
        self.cipher.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let mut cipher = self.cipher;
        cipher.restore(from)?;
        *self = PlainFlash::default();
        self.set_cipher(cipher);
        Ok(())
    }
}

impl PlainFlash {
    /// Takes another key, or none. Returns whether that changes what is shown.
    pub fn set_cipher(&mut self, cipher: Option<FlashCipher>) -> bool {
        let changed = self.cipher != cipher;
        if changed {
            let pages = if cipher.is_some() { PAGES } else { 0 };
            *self = PlainFlash { cipher, pages: vec![Shown::default(); pages] };
        }
        changed
    }

    /// The memory of the chip may have changed.
    pub fn follow(&mut self, flash: &FlashChip) {
        for (number, shown) in self.pages.iter_mut().enumerate() {
            // A page that is held here is never written in place, so that other memory is another allocation.
            let is_stale = |decrypted: &Decrypted| !std::ptr::eq::<Page>(&*decrypted.encrypted, flash.chunk(number));
            if shown.now.get().is_some_and(is_stale) {
                shown.before = shown.now.take();
            }
        }
    }

    /// A page as the caches show it.
    #[inline(always)]
    pub fn page<'a>(&'a self, number: u8, flash: &'a FlashChip) -> &'a Page {
        match &self.cipher {
            None => flash.chunk(usize::from(number)),
            Some(cipher) => &self.decrypted(cipher, number, flash).plain,
        }
    }

    /// The same, to be kept.
    pub fn shared_page(&self, number: u8, flash: &FlashChip) -> Arc<Page> {
        match &self.cipher {
            None => flash.shared_chunk(usize::from(number)),
            Some(cipher) => self.decrypted(cipher, number, flash).plain.clone(),
        }
    }

    fn decrypted(&self, cipher: &FlashCipher, number: u8, flash: &FlashChip) -> &Decrypted {
        let shown = &self.pages[usize::from(number)];
        shown.now.get_or_init(|| {
            let encrypted = flash.shared_chunk(usize::from(number));
            let plain = decrypt(cipher, number, &encrypted, shown.before.as_ref());
            Decrypted { encrypted, plain }
        })
    }
}

#[cold]
fn decrypt(cipher: &FlashCipher, number: u8, encrypted: &Arc<Page>, before: Option<&Decrypted>) -> Arc<Page> {
    let mut plain = before.map_or_else(|| encrypted.clone(), |before| before.plain.clone());
    let base = u32::from(number) * PAGE_BYTES as u32;
    let lines = Arc::make_mut(&mut plain).as_chunks_mut::<FLASH_CIPHER_BYTES>().0;
    let (new, _) = encrypted.as_chunks::<FLASH_CIPHER_BYTES>();
    for (index, (line, new)) in lines.iter_mut().zip(new).enumerate() {
        let at = index * FLASH_CIPHER_BYTES;
        if before.is_none_or(|before| before.encrypted[at..at + FLASH_CIPHER_BYTES] != *new) {
            *line = *new;
            cipher.decrypt(base + at as u32, line);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{PAGE_BYTES, PlainFlash};
    use espalier_core::{Persist, Reader, Writer};
    use espalier_parts::{FlashChip, FlashSize};
    use espalier_peripherals::FlashCipher;

    fn chip(cipher: &FlashCipher, address: usize, plain: &[u8]) -> FlashChip {
        let mut flash = FlashChip::new(FlashSize::Mb4);
        let mut data = plain.to_vec();
        cipher.encrypt(address as u32, &mut data);
        flash.load(address, &data).unwrap();
        flash
    }

    #[test]
    fn a_page_is_plain_and_follows_the_chip() {
        let cipher = FlashCipher::new([7; 32], 0xF);
        let text = [0x5A; 64];
        let mut flash = chip(&cipher, 3 * PAGE_BYTES + 0x40, &text);
        let mut view = PlainFlash::default();
        assert_ne!(view.page(3, &flash)[0x40..0x80], text);
        assert!(view.set_cipher(Some(cipher)) && !view.set_cipher(Some(cipher)));
        assert_eq!(view.page(3, &flash)[0x40..0x80], text);
        let kept = view.shared_page(3, &flash);
        let mut other = *b"another line of text, of 32 bytes";
        cipher.encrypt(3 * PAGE_BYTES as u32 + 0x60, &mut other[..32]);
        flash.load(3 * PAGE_BYTES + 0x60, &other[..32]).unwrap();
        view.follow(&flash);
        assert_eq!(view.page(3, &flash)[0x40..0x60], text[..32]);
        assert_eq!(&view.page(3, &flash)[0x60..0x80], b"another line of text, of 32 byte");
        assert_eq!(kept[0x40..0x80], text, "what is kept stays as it was");
        let mut all = *view.page(3, &flash);
        cipher.encrypt(3 * PAGE_BYTES as u32, &mut all);
        assert_eq!(all[..], flash.chunk(3)[..], "what did not change is decrypted as well");
        assert!(view.set_cipher(None));
        assert_eq!(view.page(3, &flash), flash.chunk(3));
    }

    #[test]
    fn a_snapshot_holds_the_key_and_no_pages() {
        let cipher = FlashCipher::new([7; 32], 0xF);
        let flash = chip(&cipher, 0, &[0x5A; 32]);
        let mut view = PlainFlash::default();
        view.set_cipher(Some(cipher));
        view.page(0, &flash);
        let mut to = Writer::new();
        view.save(&mut to);
        let bytes = to.into_bytes();
        assert!(bytes.len() < 64, "{} bytes", bytes.len());
        let mut restored = PlainFlash::default();
        restored.restore(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(restored.page(0, &flash)[..32], [0x5A; 32]);
    }
}
