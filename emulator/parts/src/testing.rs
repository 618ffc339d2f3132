//! A part on a bus of its own, as the driver crates of the embedded ecosystem see it.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;

use embedded_hal::delay::DelayNs;
use embedded_hal::{digital, i2c, spi};
use espalier_core::{Span, Time};

use crate::part::Part;

/// A wire to a part, with a clock. Clones lead to the same part.
pub struct Wire<P> {
    part: Rc<RefCell<P>>,
    now: Rc<Cell<Time>>,
    /// The level of D/C.
    data: Rc<Cell<bool>>,
}

impl<P> Clone for Wire<P> {
    fn clone(&self) -> Wire<P> {
        Wire { part: self.part.clone(), now: self.now.clone(), data: self.data.clone() }
    }
}

impl<P> fmt::Debug for Wire<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Nothing has acknowledged.
#[derive(Debug)]
pub struct NoAcknowledge;

impl i2c::Error for NoAcknowledge {
    fn kind(&self) -> i2c::ErrorKind {
        i2c::ErrorKind::NoAcknowledge(i2c::NoAcknowledgeSource::Unknown)
    }
}

impl<P: Part> Wire<P> {
    pub fn new(part: P) -> Wire<P> {
        let now = Rc::new(Cell::new(Time::from_micros(1000)));
        Wire { part: Rc::new(RefCell::new(part)), now, data: Rc::new(Cell::new(true)) }
    }

    pub fn part(&self) -> Ref<'_, P> {
        self.part.borrow()
    }

    pub fn part_mut(&self) -> RefMut<'_, P> {
        self.part.borrow_mut()
    }

    pub fn now(&self) -> Time {
        self.now.get()
    }

    /// Lets time pass, and the part with it.
    pub fn pass(&self, span: Span) {
        let end = self.now() + span;
        loop {
            let deadline = self.part().deadline();
            let Some(due) = deadline.filter(|due| *due <= end) else { break };
            self.part.borrow_mut().advance(due);
            assert!(self.part().deadline().is_none_or(|next| next > due), "a part stands still");
        }
        self.now.set(end);
    }

    /// Writes to an address. True if all of it was acknowledged.
    pub fn send(&self, address: u8, bytes: &[u8]) -> bool {
        let mut part = self.part_mut();
        let target = part.i2c().expect("it is on I2C");
        let heard =
            target.start(address, false, self.now()) && bytes.iter().all(|byte| target.write(*byte, self.now()));
        target.stop(self.now());
        heard
    }

    /// Reads from an address.
    pub fn receive(&self, address: u8, count: usize) -> Option<Vec<u8>> {
        let mut part = self.part_mut();
        let target = part.i2c().expect("it is on I2C");
        let heard = target.start(address, true, self.now());
        let bytes = heard.then(|| (0..count).map(|_| target.read(self.now())).collect());
        target.stop(self.now());
        bytes
    }

    /// Reads registers from `first` on.
    pub fn registers<const N: usize>(&self, address: u8, first: u8) -> [u8; N] {
        assert!(self.send(address, &[first]));
        self.receive(address, N).expect("it has acknowledged before").try_into().expect("so many were asked for")
    }
}

impl<P: Part> i2c::ErrorType for Wire<P> {
    type Error = NoAcknowledge;
}

impl<P: Part> i2c::I2c for Wire<P> {
    fn transaction(&mut self, address: u8, operations: &mut [i2c::Operation<'_>]) -> Result<(), NoAcknowledge> {
        let now = self.now();
        let mut part = self.part.borrow_mut();
        let target = part.i2c().expect("it is on I2C");
        for operation in operations {
            let read = matches!(operation, i2c::Operation::Read(_));
            let mut heard = target.start(address, read, now);
            match operation {
                i2c::Operation::Write(bytes) => heard &= bytes.iter().all(|byte| target.write(*byte, now)),
                i2c::Operation::Read(bytes) => bytes.iter_mut().for_each(|byte| *byte = target.read(now)),
            }
            if !heard {
                target.stop(now);
                return Err(NoAcknowledge);
            }
        }
        target.stop(now);
        Ok(())
    }
}

impl<P: Part> spi::ErrorType for Wire<P> {
    type Error = Infallible;
}

impl<P: Part> spi::SpiDevice for Wire<P> {
    fn transaction(&mut self, operations: &mut [spi::Operation<'_, u8>]) -> Result<(), Infallible> {
        let (now, data) = (self.now(), self.data.get());
        let mut part = self.part.borrow_mut();
        let device = part.spi().expect("it is on SPI");
        device.select(now);
        let mut exchange = |byte: u8| {
            let sent = device.send(now);
            device.receive(byte, data, now);
            sent
        };
        for operation in operations {
            match operation {
                spi::Operation::Read(bytes) => bytes.iter_mut().for_each(|byte| *byte = exchange(0xFF)),
                spi::Operation::Write(bytes) => bytes.iter().for_each(|byte| {
                    exchange(*byte);
                }),
                spi::Operation::Transfer(into, from) => {
                    for place in 0..into.len().max(from.len()) {
                        let sent = exchange(from.get(place).copied().unwrap_or(0));
                        into.get_mut(place).into_iter().for_each(|into| *into = sent);
                    }
                }
                spi::Operation::TransferInPlace(bytes) => bytes.iter_mut().for_each(|byte| *byte = exchange(*byte)),
                spi::Operation::DelayNs(_) => {}
            }
        }
        part.spi().expect("it is on SPI").deselect(now);
        Ok(())
    }
}

/// The D/C line.
impl<P> digital::ErrorType for Wire<P> {
    type Error = Infallible;
}

impl<P> digital::OutputPin for Wire<P> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.data.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.data.set(true);
        Ok(())
    }
}

impl<P: Part> DelayNs for Wire<P> {
    fn delay_ns(&mut self, nanos: u32) {
        self.pass(Span::from_nanos(nanos.into()));
    }
}
