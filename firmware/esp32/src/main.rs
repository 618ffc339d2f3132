//! The tutorial's TCP client and server on the ESP32.
//!
//! The bootloader enters `_start` (start.S) with the flash mapped. Everything runs on the PRO CPU in one loop: poll the
//! application, then sleep until a frame, a byte or the application's deadline comes. Register names are those of the ESP32
//! technical reference manual (TRM).
#![no_std]
#![no_main]

extern crate alloc;

mod cpu;
mod description;
mod gpio;
mod heap;
mod i2c;
mod oled;
mod openeth;
mod register;
mod system;
mod timer;
mod uart;

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cpu::Source;
use espalier_app::{App, Wait};
use i2c::I2c;
use oled::Oled;
use openeth::OpenEth;
use timer::Timer;
use uart::{Blocking, Uart};

/// Entered from start.S, once, with the stack set up and `.bss` cleared.
#[unsafe(no_mangle)]
extern "C" fn rust_main() -> ! {
    system::disable_watchdogs();
    system::enable_peripherals();
    heap::start();
    let timer = Timer::start();
    let wakers = [Source::TimerGroup0Timer0, Source::Uart0, Source::EthernetMac];
    for source in wakers.into_iter().chain([Source::I2cExt0]) {
        source.connect();
    }
    let uart = Uart::start();
    let mac = OpenEth::start(system::ethernet_address());
    if !mac.exists() {
        say(format_args!("no OpenCores Ethernet here, which only emulators have: there will be no network"));
    }
    let seed = u64::from(system::random()) << 32 | u64::from(system::random());
    let mut app = App::new(mac, Oled::new(I2c::start()), uart, seed, timer.now());
    loop {
        match app.poll(timer.now()) {
            Wait::Until(deadline) => {
                timer.set_alarm(deadline);
                // An alarm that is set after its time need not come: QEMU drops it.
                if timer.now() < deadline {
                    cpu::sleep(&wakers);
                }
            }
            Wait::Reset => {
                Uart::drain();
                system::reset();
            }
        }
    }
}

/// Entered from start.S when the processor took an exception.
#[unsafe(no_mangle)]
extern "C" fn rust_exception(cause: u32, pc: u32, address: u32, double_pc: u32) -> ! {
    fail(format_args!("exception: EXCCAUSE {cause}, EPC1 {pc:#010x}, EXCVADDR {address:#010x}, DEPC {double_pc:#010x}"))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(location) => fail(format_args!("{} at {}:{}", info.message(), location.file(), location.line())),
        None => fail(format_args!("{}", info.message())),
    }
}

/// What the compiler puts where it knows that execution cannot go on.
#[unsafe(no_mangle)]
extern "C" fn abort() -> ! {
    fail(format_args!("aborted"))
}

/// Says why and stops, so that the state can be looked at.
fn fail(reason: fmt::Arguments<'_>) -> ! {
    say(format_args!("\n{}panic {reason}", espalier_protocol::MARKER));
    Uart::drain();
    cpu::halt()
}

fn say(line: fmt::Arguments<'_>) {
    // Writing to the UART cannot fail.
    let _ = writeln!(Blocking, "{line}");
}
