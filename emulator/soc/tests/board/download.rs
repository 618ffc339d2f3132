//! The ROM's serial download mode, spoken to as esptool does (esptool documentation, "Serial Protocol").

use espalier_core::Span;
use espalier_soc::{Machine, MachineConfig, Strap};

const SYNC: u8 = 0x08;
const READ_REG: u8 = 0x0A;
const FRAME: u8 = 0xC0;
const ESCAPE: u8 = 0xDB;
/// The word of the ROM by which esptool tells the chip.
const CHIP_MAGIC_REGISTER: u32 = 0x4000_1000;
const ESP32_MAGIC: u32 = 0x00F0_1D83;

fn slip(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![FRAME];
    for byte in bytes {
        match *byte {
            FRAME => frame.extend([ESCAPE, 0xDC]),
            ESCAPE => frame.extend([ESCAPE, 0xDD]),
            byte => frame.push(byte),
        }
    }
    frame.push(FRAME);
    frame
}

fn command(operation: u8, data: &[u8]) -> Vec<u8> {
    let mut request = vec![0, operation];
    request.extend((data.len() as u16).to_le_bytes());
    request.extend([0; 4]);
    request.extend(data);
    slip(&request)
}

/// The frames that arrive within `patience`, without their escapes.
fn frames(machine: &mut Machine, patience: Span) -> Vec<Vec<u8>> {
    machine.run_for(patience);
    let bytes: Vec<u8> = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    let mut frames = Vec::new();
    for part in bytes.split(|byte| *byte == FRAME).filter(|part| part.first() == Some(&1)) {
        let mut frame = Vec::new();
        let mut bytes = part.iter();
        while let Some(byte) = bytes.next() {
            frame.push(match byte {
                &ESCAPE if bytes.next() == Some(&0xDC) => FRAME,
                &ESCAPE => ESCAPE,
                byte => *byte,
            });
        }
        frames.push(frame);
    }
    frames
}

fn synchronised(baud: u32) -> Machine {
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    machine.set_uart_line_baud(0, Some(baud));
    machine.reset(Strap::Download);
    machine.run_for(Span::from_millis(100));
    let mut data = vec![0x07, 0x07, 0x12, 0x20];
    data.extend([0x55; 32]);
    for _ in 0..5 {
        machine.uart_send(0, &command(SYNC, &data));
        if frames(&mut machine, Span::from_millis(100)).iter().any(|frame| frame[1] == SYNC) {
            machine.run_for(Span::from_millis(100));
            machine.uart_take(0);
            return machine;
        }
    }
    panic!("no answer to SYNC at {baud} baud");
}

#[test]
fn it_finds_out_the_rate_and_reads_registers() {
    // The rate at which esptool and espflash begin.
    let mut machine = synchronised(115_200);
    machine.uart_send(0, &command(READ_REG, &CHIP_MAGIC_REGISTER.to_le_bytes()));
    let answers = frames(&mut machine, Span::from_millis(100));
    let answer = answers.iter().find(|frame| frame[1] == READ_REG).expect("an answer to READ_REG");
    assert_eq!(u32::from_le_bytes([answer[4], answer[5], answer[6], answer[7]]), ESP32_MAGIC);
}
