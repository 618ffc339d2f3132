//! The window itself, drawn by `embedded-graphics-simulator`.

use std::time::{Duration, Instant};

use embedded_graphics::Pixel;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, Point, Size};
use embedded_graphics_simulator as simulator;
use espalier::Bitmap;
use simulator::{BinaryColorTheme, OutputSettings, OutputSettingsBuilder, SimulatorDisplay, SimulatorEvent};

use crate::error::CliError;

/// Size of an OLED's pixel on the host's screen.
const SCALE: u32 = 5;
/// Dark lines between pixels, as an OLED has them.
const SPACING: u32 = 1;
/// Interval of drawing the window when nothing changes: it may have been covered, or be closed.
const REDRAW: Duration = Duration::from_millis(50);
/// The simulator sleeps to keep to this rate. It is not what keeps the pace here, and is not to hold the board up.
const FRAMES_PER_SECOND: u32 = 1000;

/// SDL falls back to these drivers, whose windows are invisible, where it finds no display.
const UNSEEN: [&str; 2] = ["offscreen", "dummy"];
/// Environment variable that chooses SDL's driver.
const DRIVER_VARIABLE: &str = "SDL_VIDEODRIVER";

/// A window that shows what an OLED shows.
pub struct Window {
    window: simulator::Window,
    drawn: Option<(Bitmap, Instant)>,
}

impl Window {
    /// A window that appears with its first picture.
    pub fn open(title: &str) -> Result<Window, CliError> {
        // The simulator panics where SDL cannot start; this asks before.
        let video = sdl2::init().and_then(|sdl| sdl.video()).map_err(|reason| CliError::Window { reason })?;
        let driver = video.current_video_driver();
        if UNSEEN.contains(&driver) && std::env::var_os(DRIVER_VARIABLE).is_none() {
            let reason = format!("there is no display (SDL found its {driver:?} driver only; is DISPLAY set?)");
            return Err(CliError::Window { reason });
        }
        let mut window = simulator::Window::new(title, &settings());
        window.set_max_fps(FRAMES_PER_SECOND);
        Ok(Window { window, drawn: None })
    }

    /// Shows a picture.
    pub fn show(&mut self, bitmap: &Bitmap) {
        if self.drawn.as_ref().is_some_and(|(drawn, at)| drawn == bitmap && at.elapsed() < REDRAW) {
            return;
        }
        let mut display = SimulatorDisplay::<BinaryColor>::new(Size::new(bitmap.width(), bitmap.height()));
        let places = (0..bitmap.height()).flat_map(|y| (0..bitmap.width()).map(move |x| (x, y)));
        let pixels = places.map(|(x, y)| Pixel(Point::new(x as i32, y as i32), BinaryColor::from(bitmap.get(x, y))));
        let Ok(()) = display.draw_iter(pixels);
        self.window.update(&display);
        self.drawn = Some((bitmap.clone(), Instant::now()));
    }

    /// Whether someone has closed it, or pressed Escape in it.
    pub fn is_closed(&self) -> bool {
        self.drawn.is_some() && self.window.events().any(|event| event == SimulatorEvent::Quit)
    }
}

fn settings() -> OutputSettings {
    OutputSettingsBuilder::new().theme(BinaryColorTheme::OledBlue).scale(SCALE).pixel_spacing(SPACING).build()
}
