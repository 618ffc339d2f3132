//! The flash chip through the chip's serial download mode.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use espalier::{Flasher as Chip, FlasherBuilder, Image, Stage};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::Raise;
use crate::wait::Wait;

/// A board in its serial download mode, with espflash's stub running on it. One operation runs at a time; one that is given up leaves
/// the chip in the middle of it, and a new `Board.flasher` starts over.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Flasher {
    chip: Arc<Mutex<Option<Chip>>>,
    name: String,
    mac: Option<String>,
    size: u32,
}

type Shared = Arc<Mutex<Option<Chip>>>;

fn put(chip: &Shared, flasher: Chip) {
    *chip.lock().unwrap_or_else(PoisonError::into_inner) = Some(flasher);
}

impl Flasher {
    pub(crate) fn connect(builder: FlasherBuilder) -> Wait {
        Wait::new(async {
            let flasher = builder.connect().await?;
            let info = flasher.chip();
            let (name, mac, size) = (info.chip.clone(), info.mac_address.clone(), info.flash_size);
            Ok(Flasher { chip: Arc::new(Mutex::new(Some(flasher))), name, mac, size })
        })
    }

    fn take(&self) -> PyResult<(Shared, Chip)> {
        let taken = self.chip.lock().unwrap_or_else(PoisonError::into_inner).take();
        let flasher = taken.ok_or_else(|| {
            PyValueError::new_err("this flasher is finished, busy, or was given up; ask the board for another one")
        })?;
        Ok((self.chip.clone(), flasher))
    }
}

#[pymethods]
impl Flasher {
    /// The chip, as it reports itself.
    #[getter]
    fn chip(&self) -> &str {
        &self.name
    }

    /// Its factory address.
    #[getter]
    fn mac(&self) -> Option<&str> {
        self.mac.as_deref()
    }

    /// The size of its flash chip in bytes.
    #[getter]
    fn flash_size(&self) -> u32 {
        self.size
    }

    /// Writes `data` from `offset` on, which is the start of a sector, and verifies it. Returns whether anything had to be written.
    fn write(&self, offset: u32, data: Vec<u8>) -> PyResult<Wait> {
        let (chip, mut flasher) = self.take()?;
        Ok(Wait::new(async move {
            let stage = flasher.write(offset, &data, |_| {}).await?;
            put(&chip, flasher);
            Ok(stage != Stage::Unchanged)
        }))
    }

    /// Writes all that a firmware file needs. Returns how many bytes were written, and how many were there already.
    fn flash(&self, firmware: PathBuf) -> PyResult<Wait> {
        let image = Image::read(&firmware).map_err(espalier::Error::from).raise()?;
        let (chip, mut flasher) = self.take()?;
        Ok(Wait::new(async move {
            let flashed = flasher.flash_image(&image, |_| {}).await?;
            put(&chip, flasher);
            Ok((flashed.written, flashed.unchanged))
        }))
    }

    /// Reads `length` bytes from `offset` on.
    fn read(&self, offset: u32, length: u32) -> PyResult<Wait> {
        let (chip, mut flasher) = self.take()?;
        Ok(Wait::new(async move {
            let bytes = flasher.read(offset, length).await?;
            put(&chip, flasher);
            Ok(bytes)
        }))
    }

    /// The MD5 digest of `length` bytes from `offset` on, which the chip computes.
    fn md5(&self, offset: u32, length: u32) -> PyResult<Wait> {
        let (chip, mut flasher) = self.take()?;
        Ok(Wait::new(async move {
            let digest = flasher.md5(offset, length).await?.to_vec();
            put(&chip, flasher);
            Ok(digest)
        }))
    }

    /// Checks that the flash chip holds `data` from `offset` on.
    fn verify(&self, offset: u32, data: Vec<u8>) -> PyResult<Wait> {
        let (chip, mut flasher) = self.take()?;
        Ok(Wait::new(async move {
            let verified = flasher.verify(offset, &data).await;
            put(&chip, flasher);
            verified
        }))
    }

    /// Erases `length` bytes from `offset` on, whole sectors; or the whole flash chip.
    #[pyo3(signature = (offset=0, length=None))]
    fn erase(&self, offset: u32, length: Option<u32>) -> PyResult<Wait> {
        let (chip, mut flasher) = self.take()?;
        Ok(Wait::new(async move {
            match length {
                Some(length) => flasher.erase_region(offset, length).await?,
                None => flasher.erase_flash().await?,
            }
            put(&chip, flasher);
            Ok(())
        }))
    }

    /// Resets the board, which starts what is in its flash now.
    fn finish(&self) -> PyResult<Wait> {
        let (_, flasher) = self.take()?;
        Ok(Wait::new(flasher.finish()))
    }
}
