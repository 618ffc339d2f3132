//! Boards of one world, each with its own serial line.

use espalier_core::Time;
use espalier_serve::{WorldPace, WorldPorts, WorldServer};
use espalier_soc::{MachineConfig, Strap};
use espalier_world::World;

use crate::client::{Bridge, Link, free};

const DOWNLOADING: &[u8] = b"waiting for download";

#[test]
fn boards_of_a_world_have_lines_of_their_own() {
    let mut world = World::new(0).unwrap();
    for name in ["one", "other"] {
        let board = world.add_board(name, &MachineConfig::default()).unwrap();
        world.board_mut(board).power_on(Strap::Download);
    }
    let ports = WorldPorts { rfc2217: Some(free()), ..WorldPorts::default() };
    let server = WorldServer::start(world, &[ports; 2], None, WorldPace::RealTime).unwrap();
    let mut bridges = [0, 1].map(|place| Bridge::connect(server.rfc2217_address(place).unwrap(), 115_200));
    bridges[1].set_lines(false, true);
    bridges[1].set_lines(true, true);
    bridges[1].set_lines(true, false);
    bridges[1].wait_for(DOWNLOADING);
    let heard: Vec<u8> = (0..10).flat_map(|_| bridges[0].hear()).collect();
    assert_eq!(heard.windows(4).filter(|window| *window == b"rst:").count(), usize::from(!heard.is_empty()));
    bridges[0].set_lines(false, true);
    bridges[0].set_lines(false, false);
    bridges[0].wait_for(b"SPI_FAST_FLASH_BOOT");
    assert!(server.shutdown().now() > Time::ZERO);
}
