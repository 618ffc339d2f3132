//! The world: its boards, and what is between them.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use espalier_core::{Span, Time};
use espalier_net::{Air, Delivery, FaultConfig, Lan, LanConfig, LanError};
use espalier_soc::{DebugStop, Machine, MachineConfig, Stop, Strap, UnmodelledAccess};

use crate::between::Between;
use crate::workers::{self, Halt};
use crate::{WorldError, place};

/// Boards that a world has room for.
pub(crate) const BOARDS_MAX: usize = 200;
/// The router of a world's LAN. The soft access point of an ESP32 is 192.168.4.1 unless its firmware says otherwise, so that
/// network is not this one.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 4, 1);
/// The leases of the DHCP server: two addresses for each board.
const LEASES: RangeInclusive<Ipv4Addr> = Ipv4Addr::new(10, 0, 4, 100)..=Ipv4Addr::new(10, 0, 6, 200);

/// The configuration of a world.
///
/// ```
/// use espalier_world::{World, WorldConfig};
///
/// let world = World::of(WorldConfig { seed: 7, threads: 1, ..WorldConfig::default() })?;
/// assert_eq!(world.boards().count(), 0);
/// # Ok::<_, espalier_world::WorldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Seeds every random source of the network and of the boards.
    pub seed: u64,
    /// The LAN.
    pub lan: LanConfig,
    /// On how many threads boards run. It changes nothing but the speed.
    pub threads: usize,
}

impl Default for WorldConfig {
    /// The LAN is 10.0.0.0/16, with the router at 10.0.4.1 and a peer at 10.0.4.2. The first board gets 10.0.4.100 in networks of
    /// the air that are bridges to it and 10.0.4.101 on its Ethernet cable, the second .102 and .103, and so on. One thread for each
    /// processor.
    fn default() -> WorldConfig {
        let lan = LanConfig::of_gateway(GATEWAY).unwrap_or_default();
        let lan = LanConfig { prefix_len: 16, leases: LEASES, ..lan };
        WorldConfig { seed: 0, lan, threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// A board of a world, by its place there.
///
/// ```
/// use espalier_soc::MachineConfig;
/// use espalier_world::World;
///
/// let mut world = World::new(1)?;
/// let board = world.add_board("sensor", &MachineConfig::default())?;
/// assert_eq!((board.place(), world.find("sensor")), (0, Some(board)));
/// # Ok::<_, espalier_world::WorldError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoardId(usize);

impl BoardId {
    /// Its place: boards are counted from zero, in the order in which they were added.
    pub fn place(self) -> usize {
        self.0
    }
}

/// Why a world has stopped.
///
/// ```
/// use espalier_core::Span;
/// use espalier_world::{World, WorldStop};
///
/// match World::new(1)?.run_for(Span::from_millis(1)) {
///     WorldStop::Unmodelled { board, access } => println!("board {}: {access}", board.place()),
///     stop => assert_eq!(stop, WorldStop::Limit),
/// }
/// # Ok::<_, espalier_world::WorldError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldStop {
    /// The limit is reached.
    Limit,
    /// In a world of one: a UART sent something, or a frame reached the network.
    Output,
    /// A board that is strict touched something that is not modelled. It goes on with the next run.
    Unmodelled { board: BoardId, access: UnmodelledAccess },
    /// A core of a board came to what a debugger waits for. It goes on with the next run.
    Debug { board: BoardId, core: usize, stop: DebugStop },
}

/// Several boards on one clock. Cloning it is a fork of all of them.
///
/// ```
/// use espalier_core::{Span, Time};
/// use espalier_soc::MachineConfig;
/// use espalier_world::{World, WorldStop};
///
/// let mut world = World::new(1)?;
/// let server = world.add_board("server", &MachineConfig::default())?;
/// world.add_board("client", &MachineConfig::default())?;
/// assert_eq!(world.run_for(Span::from_millis(1)), WorldStop::Limit);
/// assert_eq!(world.board(server).now(), Time::ZERO + Span::from_millis(1));
///
/// // A clone is a fork of all boards: both go on alike.
/// let mut fork = world.clone();
/// world.run_for(Span::from_millis(1));
/// fork.run_for(Span::from_millis(1));
/// assert_eq!(world.trace_hash(), fork.trace_hash());
/// # Ok::<_, espalier_world::WorldError>(())
/// ```
#[derive(Clone)]
pub struct World {
    pub(crate) now: Time,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) names: Vec<String>,
    pub(crate) boards: Vec<Machine>,
    /// Absent if a board is alone: then its machine has an air and a LAN of its own, and nothing has to be carried.
    pub(crate) between: Option<Box<Between>>,
}

impl World {
    /// A world without boards, with the LAN and the number of threads of [`WorldConfig::default`].
    ///
    /// # Errors
    /// None that this LAN has.
    pub fn new(seed: u64) -> Result<World, WorldError> {
        World::of(WorldConfig { seed, ..WorldConfig::default() })
    }

    /// A world without boards.
    ///
    /// # Errors
    /// If the addresses of the LAN do not fit together.
    pub fn of(config: WorldConfig) -> Result<World, WorldError> {
        let WorldConfig { seed, lan, threads } = config;
        let lan = Lan::new(LanConfig { seed, ..lan })?;
        Ok(World {
            now: Time::ZERO,
            seed,
            threads: threads.max(1),
            names: Vec::new(),
            boards: Vec::new(),
            between: Some(Box::new(Between::new(seed, lan))),
        })
    }

    /// The world of one board, with the air and the LAN that it has. No other can be added.
    pub fn of_one(name: &str, machine: Machine) -> (World, BoardId) {
        let world = World {
            now: machine.now(),
            seed: 0,
            threads: 1,
            names: vec![name.to_owned()],
            boards: vec![machine],
            between: None,
        };
        (world, BoardId(0))
    }

    /// True if there can be no other board.
    pub fn is_of_one(&self) -> bool {
        self.between.is_none()
    }

    /// Adds a board, which is switched on now. Its name is for those who look for it. Its address is that of its definition, or the
    /// next one that no other board has; the LAN gives it the address of its place. Networks of its definition come into the air,
    /// unless they are there already.
    ///
    /// # Errors
    /// If there is a board of this name or no room, or the definition asks for what cannot be.
    pub fn add_board(&mut self, name: &str, config: &MachineConfig) -> Result<BoardId, WorldError> {
        let Some(between) = &mut self.between else { return Err(WorldError::OfOne) };
        if self.names.iter().any(|known| known == name) {
            return Err(WorldError::NameTaken { name: name.to_owned() });
        }
        let place = self.boards.len();
        if place == BOARDS_MAX {
            return Err(WorldError::Full { max: BOARDS_MAX });
        }
        let mut config = config.clone();
        let present: Vec<_> = self.boards.iter().map(|board| board.board().mac).collect();
        config.board.mac = place::mac(config.board.mac, &present);
        config.seed ^= place::seed(self.seed, place);
        for network in std::mem::take(&mut config.board.access_points) {
            between.add_network(network)?;
        }
        let mac = config.board.mac;
        let mut machine = Machine::new(&config)?;
        machine.open_ports();
        if self.now != Time::ZERO {
            machine.power_on_at(self.now, Strap::FlashBoot);
        }
        self.boards.push(machine);
        self.names.push(name.to_owned());
        for client in [place::station(mac), place::ethernet(mac)] {
            between.cables.lan.expect_client(client);
        }
        if place > 0 {
            between.cables.lan.add_cable();
        }
        Ok(BoardId(place))
    }

    /// Joins two pads by a wire: each is the number of a GPIO on a board. From [`WIRE_DELAY`](crate::WIRE_DELAY) on, what drives or pulls
    /// one is seen at the other. A wire between two pads of one board has no delay.
    ///
    /// ```
    /// use espalier_core::{Signal, Span};
    /// use espalier_soc::MachineConfig;
    /// use espalier_world::World;
    ///
    /// let mut world = World::new(1)?;
    /// let left = world.add_board("left", &MachineConfig::default())?;
    /// let right = world.add_board("right", &MachineConfig::default())?;
    /// world.wire((left, 17), (right, 16))?;
    /// world.board_mut(left).drive_pin(17, Some(true));
    /// world.run_for(Span::from_micros(20));
    /// assert_eq!(world.board_mut(right).pad(16), Signal::Level(true));
    /// # Ok::<_, espalier_world::WorldError>(())
    /// ```
    ///
    /// # Errors
    /// If a board has no such pad, its flash chip is there, or both are the same; in the world of a board that is alone.
    ///
    /// # Panics
    /// If a board is of another world.
    pub fn wire(&mut self, one: (BoardId, usize), other: (BoardId, usize)) -> Result<(), WorldError> {
        let World { now, names, boards, between, .. } = self;
        let Some(between) = between else { return Err(WorldError::OfOne) };
        // They rest until now, or have come further.
        for board in boards.iter_mut() {
            workers::run_board(board, *now);
        }
        between.pad_wires.join(boards, names, [one, other].map(|(board, pin)| (board.0, pin)), *now)
    }

    /// The board of this name.
    pub fn find(&self, name: &str) -> Option<BoardId> {
        self.names.iter().position(|known| known == name).map(BoardId)
    }

    /// Every board, in the order in which they were added.
    pub fn boards(&self) -> impl Iterator<Item = (BoardId, &str)> {
        self.names.iter().enumerate().map(|(place, name)| (BoardId(place), name.as_str()))
    }

    /// A board, to look at it. One that rests may not have come to the world's time yet.
    ///
    /// # Panics
    /// If it is a board of another world.
    pub fn board(&self, board: BoardId) -> &Machine {
        &self.boards[board.0]
    }

    /// A board at the world's time, to act on it.
    ///
    /// # Panics
    /// If it is a board of another world.
    pub fn board_mut(&mut self, board: BoardId) -> &mut Machine {
        let machine = &mut self.boards[board.0];
        if self.between.is_some() {
            // It rests until then, or has come further: this only lets its time pass.
            workers::run_board(machine, self.now);
        }
        machine
    }

    /// Guest time since the world was made.
    pub fn now(&self) -> Time {
        if self.is_of_one() { self.boards[0].now() } else { self.now }
    }

    /// When something next happens to a board that is alone, if nothing comes from outside: until then no core of it executes. None
    /// while one does, and if there are several boards.
    pub fn rests_until(&mut self) -> Option<Time> {
        if self.is_of_one() { self.boards[0].rests_until() } else { None }
    }

    /// The LAN that the boards' cables and the bridging access points lead to.
    pub fn lan(&self) -> &Lan {
        match &self.between {
            Some(between) => &between.cables.lan,
            None => self.boards[0].lan(),
        }
    }

    /// The LAN, to act on it. What changes takes effect with the next run.
    pub fn lan_mut(&mut self) -> &mut Lan {
        match &mut self.between {
            Some(between) => {
                between.cables.lan.advance(self.now);
                &mut between.cables.lan
            }
            None => self.boards[0].lan_mut(),
        }
    }

    /// The address on the LAN that a board has been given. With one board it is the last that was given at all, whatever addresses
    /// its firmware has made up.
    pub fn address(&self, board: BoardId) -> Option<Ipv4Addr> {
        match &self.between {
            Some(between) => place::addresses(self.boards[board.0].board().mac)
                .find_map(|address| between.cables.lan.address_of(address)),
            None => self.boards[0].lan().board_address(),
        }
    }

    /// From now on, this goes wrong on the Ethernet cable of a board.
    ///
    /// # Errors
    /// If a probability is not between 0 and 1.
    pub fn set_cable_faults(&mut self, board: BoardId, faults: FaultConfig) -> Result<(), LanError> {
        self.lan_mut().set_faults_of(board.0, faults)?;
        self.tell_link(board);
        Ok(())
    }

    /// Cuts the Ethernet cable of a board, or puts it back with the other faults that it has.
    pub fn set_cable_cut(&mut self, board: BoardId, cut: bool) {
        // Each board has a cable.
        let _ = self.lan_mut().set_cable_cut(board.0, cut);
        self.tell_link(board);
    }

    fn tell_link(&mut self, board: BoardId) {
        let (now, up) = (self.now, !self.lan().is_cable_cut(board.0));
        self.boards[board.0].deliver(now, Delivery::Link { up });
    }

    /// The air around the boards.
    pub fn air(&self) -> &Air {
        match &self.between {
            Some(between) => &between.ether.air,
            None => self.boards[0].air(),
        }
    }

    /// The air, to put networks into it. What changes takes effect with the next run.
    pub fn air_mut(&mut self) -> &mut Air {
        match &mut self.between {
            Some(between) => {
                let now = self.now.max(between.ether.air.now());
                between.ether.air.advance(now);
                &mut between.ether.air
            }
            None => self.boards[0].air_mut(),
        }
    }

    /// On how many threads boards run from now on. It changes nothing but the speed.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads.max(1);
    }

    /// A digest of the run so far, made of those of the boards; that of a board which is alone.
    pub fn trace_hash(&self) -> u64 {
        if self.is_of_one() {
            return self.boards[0].trace_hash();
        }
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
        let fold = |hash: u64, board: &Machine| (hash.rotate_left(5) ^ board.trace_hash()).wrapping_mul(MULTIPLIER);
        self.boards.iter().fold(0, fold)
    }

    /// Runs for `span` of guest time, whatever comes out.
    pub fn run_for(&mut self, span: Span) -> WorldStop {
        let limit = self.now() + span;
        loop {
            match self.run_until(limit) {
                WorldStop::Output => {}
                stop => return stop,
            }
        }
    }

    /// Runs until guest time reaches `limit`, or until something came out of a board that is alone. May overshoot by a window, or by
    /// a slice of that board.
    pub fn run_until(&mut self, limit: Time) -> WorldStop {
        let World { now, boards, threads, between, .. } = self;
        let Some(between) = between else {
            let board = &mut boards[0];
            let stop = board.run_until(limit);
            return match stop {
                Stop::Limit => WorldStop::Limit,
                Stop::Output => WorldStop::Output,
                Stop::Unmodelled(access) => stopped(BoardId(0), Halt::Unmodelled(access)),
                Stop::Debug { core, stop } => stopped(BoardId(0), Halt::Debug { core, stop }),
            };
        };
        match between.run(boards, now, limit, *threads) {
            Some((place, halt)) => stopped(BoardId(place), halt),
            None => WorldStop::Limit,
        }
    }
}

fn stopped(board: BoardId, halt: Halt) -> WorldStop {
    match halt {
        Halt::Unmodelled(access) => WorldStop::Unmodelled { board, access },
        Halt::Debug { core, stop } => WorldStop::Debug { board, core, stop },
    }
}
