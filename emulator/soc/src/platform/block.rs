//! A row of a chip's table: what a block is called, where it is, and what it is wired to.

use std::any::Any;
use std::marker::PhantomData;

use espalier_core::{Damaged, Device, PadMatrix, Persist, Reader, Time, Writer};

use super::signals::{AudioSignals, SdSignals, Signals, SpiSignals};
use super::stub::Stub;
use crate::boards::BoardDefinition;

/// The inputs for making blocks.
pub struct Setup<'a> {
    pub board: &'a BoardDefinition,
    /// Seeds every random source.
    pub seed: u64,
}

/// The part of a row that needs no knowledge of the chip.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub base: u32,
    pub size: u32,
    /// Not modelled: every access is counted.
    pub stub: bool,
    /// The interrupt sources of its lines, in the order of [`Device::interrupts`].
    pub interrupts: &'static [usize],
    /// The interrupt sources that only pulse, in the order of [`Device::take_edges`].
    pub edges: &'static [usize],
    /// The signals of the pad matrix that it drives.
    pub outputs: Option<Signals>,
    /// The signals of the pad matrix that it reads, in the order of its inputs.
    pub inputs: &'static [Signals],
    /// The bits of the chip's reset registers that reset it: which register, as the chip counts them, and which bit.
    pub resets: &'static [(usize, u32)],
    /// A reset of the chip's digital part leaves it alone; the chip resets it where its own domain is reset.
    pub kept: bool,
    /// Its first chip select leads to the flash chip.
    pub flash: bool,
    /// The signals by which it reaches the devices of the board, if it is a SPI controller.
    pub spi: Option<SpiSignals>,
    /// The signals by which it reaches the speakers and microphones of the board, if it is a controller of serial audio.
    pub audio: Option<AudioSignals>,
    /// It drives and hears the two lines of an I2C bus, of which it hears itself when others are on them only.
    pub two_wire: bool,
    /// The lines of its slots, if it is a host of SD cards.
    pub sd: &'static [SdSignals],
    /// It has a line to the outside of the chip, as serial port.
    pub serial: bool,
    /// Software reads the levels of pads in it.
    pub shows_pads: bool,
}

impl Row {
    /// The signal of an input.
    pub fn input(&self, input: usize) -> Option<u32> {
        let mut signals = self.inputs.iter().flat_map(|signals| signals.first..signals.first + signals.count as u32);
        signals.nth(input)
    }

    /// The signals that it drives, each run of them with the number of the first output.
    pub fn outputs(&self) -> impl Iterator<Item = (usize, Signals)> {
        let selects = self.spi.into_iter().flat_map(|spi| spi.chip_selects);
        let selects = selects.enumerate().map(|(line, signal)| (SPI_SELECT + line, Signals::new(signal, 1)));
        self.outputs.map(|signals| (0, signals)).into_iter().chain(selects)
    }

    /// Whether an output is on at present, by the inputs to which the block listens: a SPI controller that listens to the clock is a
    /// slave, which drives Q alone.
    pub fn is_on(&self, output: usize, listening: u64) -> bool {
        self.spi.is_none() || (output == SPI_Q) == (listening >> SPI_CLOCK & 1 != 0)
    }

    /// Whether an input has to know that nothing drives its line: that of a serial port idles as it expects then, and a SPI controller
    /// has no slave there.
    pub fn hears_release(&self, input: usize) -> bool {
        self.serial || self.spi.is_some() && input == SPI_Q
    }
}

/// The lines of a SPI controller, as its outputs and its inputs.
const SPI_CLOCK: usize = 0;
const SPI_Q: usize = 1;
const SPI_SELECT: usize = 3;

/// A row of the table of the chip `C`.
pub struct Block<C: 'static> {
    pub row: Row,
    pub device: fn(&Setup<'_>) -> Box<dyn Model>,
    /// The part of the block's wiring that only this chip has: called after each access to it and each time it was advanced.
    pub after: Option<fn(&mut C, Time)>,
}

impl<C> Clone for Block<C> {
    fn clone(&self) -> Block<C> {
        *self
    }
}

impl<C> Copy for Block<C> {}

impl<C> Block<C> {
    /// A block that is modelled by what `device` makes.
    pub const fn new(name: &'static str, base: u32, size: u32, device: fn(&Setup<'_>) -> Box<dyn Model>) -> Block<C> {
        let row = Row {
            name,
            base,
            size,
            stub: false,
            interrupts: &[],
            edges: &[],
            outputs: None,
            inputs: &[],
            resets: &[],
            kept: false,
            flash: false,
            spi: None,
            audio: None,
            two_wire: false,
            sd: &[],
            serial: false,
            shows_pads: false,
        };
        Block { row, device, after: None }
    }

    /// A block that is only there to be counted.
    pub const fn stub(name: &'static str, base: u32, size: u32) -> Block<C> {
        let mut block = Block::new(name, base, size, |_| Box::new(Stub::default()));
        block.row.stub = true;
        block
    }

    pub const fn interrupts(mut self, sources: &'static [usize]) -> Block<C> {
        self.row.interrupts = sources;
        self
    }

    pub const fn edges(mut self, sources: &'static [usize]) -> Block<C> {
        self.row.edges = sources;
        self
    }

    pub const fn outputs(mut self, first: u32, count: usize) -> Block<C> {
        self.row.outputs = Some(Signals::new(first, count));
        self
    }

    pub const fn inputs(mut self, signals: &'static [Signals]) -> Block<C> {
        self.row.inputs = signals;
        self
    }

    pub const fn resets(mut self, bits: &'static [(usize, u32)]) -> Block<C> {
        self.row.resets = bits;
        self
    }

    pub const fn kept(mut self) -> Block<C> {
        self.row.kept = true;
        self
    }

    pub const fn flash(mut self) -> Block<C> {
        self.row.flash = true;
        self
    }

    /// A SPI controller, whose clock, Q and D follow each other.
    pub const fn spi(mut self, signals: SpiSignals) -> Block<C> {
        self.row.spi = Some(signals);
        self.row.outputs = Some(Signals::new(signals.clock, 3));
        self
    }

    /// An I2C controller: SCL and SDA, the same signals both ways.
    pub const fn i2c(mut self, signals: &'static [Signals; 1]) -> Block<C> {
        self.row.outputs = Some(signals[0]);
        self.row.inputs = signals;
        self.row.two_wire = true;
        self
    }

    /// A controller of serial audio and parallel data. Its outputs are 24 data lines, word select and bit clock.
    pub const fn audio(mut self, signals: AudioSignals) -> Block<C> {
        const LINES: u32 = 24;
        self.row.audio = Some(signals);
        self.row.outputs = Some(Signals::new(signals.data_out + 1 - LINES, LINES as usize).with(signals.clocks));
        self
    }

    /// A host of SD cards, with a slot for each of `slots`.
    pub const fn sd(mut self, slots: &'static [SdSignals]) -> Block<C> {
        self.row.sd = slots;
        self
    }

    pub const fn serial(mut self) -> Block<C> {
        self.row.serial = true;
        self
    }

    pub const fn shows_pads(mut self) -> Block<C> {
        self.row.shows_pads = true;
        self
    }

    pub const fn after(mut self, after: fn(&mut C, Time)) -> Block<C> {
        self.after = Some(after);
        self
    }
}

/// The place of a block in its chip's table, with the type of its model.
pub struct Id<T> {
    pub index: usize,
    model: PhantomData<fn() -> T>,
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Id<T> {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> Id<T> {
    /// The block called `name`. A name that is not in the table does not compile.
    pub const fn of<C>(table: &[Block<C>], name: &str) -> Id<T> {
        let mut index = 0;
        while index < table.len() {
            if same(table[index].row.name.as_bytes(), name.as_bytes()) {
                return Id { index, model: PhantomData };
            }
            index += 1;
        }
        panic!("the table has no block of this name")
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// A model of a block that forks with its machine.
pub trait Model: Device + Any + Send + Sync {
    fn fork(&self) -> Box<dyn Model>;
}

impl<T: Device + Clone + Send + Sync + 'static> Model for T {
    fn fork(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

/// The models of a chip's blocks, in the order of its table.
pub struct Blocks {
    models: Vec<Box<dyn Model>>,
    /// The one that is the matrix of pads.
    matrix: usize,
}

impl Clone for Blocks {
    fn clone(&self) -> Blocks {
        Blocks { models: self.models.iter().map(|model| (**model).fork()).collect(), matrix: self.matrix }
    }
}

impl Persist for Blocks {
    fn save(&self, to: &mut Writer) {
        let Blocks { models, matrix: _ } = self;
        to.length(models.len());
        for model in models {
            (**model).save(to);
        }
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.models.len())?;
        self.models.iter_mut().try_for_each(|model| (**model).restore(from))
    }
}

impl Blocks {
    /// # Panics
    /// If none of the blocks is the matrix of pads.
    pub fn new(models: Vec<Box<dyn Model>>) -> Blocks {
        let matrix = models.iter().position(|model| model.matrix().is_some());
        Blocks { models, matrix: matrix.expect("every chip has a matrix of pads") }
    }

    pub fn len(&self) -> usize {
        self.models.len()
    }

    pub fn device(&self, index: usize) -> &dyn Model {
        &*self.models[index]
    }

    pub fn device_mut(&mut self, index: usize) -> &mut dyn Model {
        &mut *self.models[index]
    }

    /// # Panics
    /// If the table makes another model for this block.
    pub fn get<T: Model>(&self, id: Id<T>) -> &T {
        let model: &dyn Any = &*self.models[id.index];
        model.downcast_ref().expect("the table makes the model that the block's name stands for")
    }

    /// # Panics
    /// As [`get`](Blocks::get).
    pub fn get_mut<T: Model>(&mut self, id: Id<T>) -> &mut T {
        let model: &mut dyn Any = &mut *self.models[id.index];
        model.downcast_mut().expect("the table makes the model that the block's name stands for")
    }

    /// Two blocks to be changed, and a third one to look at.
    ///
    /// # Panics
    /// As [`get`](Blocks::get), and if two of them are one.
    pub fn three<A: Model, B: Model, C: Model>(&mut self, a: Id<A>, b: Id<B>, c: Id<C>) -> (&mut A, &mut B, &C) {
        const WRONG: &str = "the table makes the model that the block's name stands for";
        let [a, b, c] = self.models.get_disjoint_mut([a.index, b.index, c.index]).expect("three blocks of the table");
        let (a, b, c): (&mut dyn Any, &mut dyn Any, &dyn Any) = (&mut **a, &mut **b, &**c);
        (a.downcast_mut().expect(WRONG), b.downcast_mut().expect(WRONG), c.downcast_ref().expect(WRONG))
    }

    /// Two blocks to be changed. None if the board has another model in the place of one of them.
    pub fn pair<A: Model, B: Model>(&mut self, a: Id<A>, b: Id<B>) -> Option<(&mut A, &mut B)> {
        let [a, b] = self.models.get_disjoint_mut([a.index, b.index]).ok()?;
        let (a, b): (&mut dyn Any, &mut dyn Any) = (&mut **a, &mut **b);
        Some((a.downcast_mut()?, b.downcast_mut()?))
    }

    /// The matrix of pads.
    pub fn matrix(&self) -> &dyn PadMatrix {
        self.models[self.matrix].matrix().expect("was found to be the matrix")
    }

    /// The block at `index`, to be changed, and the matrix of pads, unless the block is that.
    pub fn with_matrix(&mut self, index: usize) -> (&mut dyn Model, Option<&dyn PadMatrix>) {
        if index == self.matrix {
            return (&mut *self.models[index], None);
        }
        let [model, matrix] = self.models.get_disjoint_mut([index, self.matrix]).expect("two blocks of the table");
        (&mut **model, matrix.matrix())
    }
}
