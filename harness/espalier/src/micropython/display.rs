//! A display that only MicroPython knows.
//!
//! A program that runs cannot be asked for anything, so the display's driver is taught to send each picture that it shows: as a
//! line of `espalier-protocol`, which the harness takes out of the console.

use super::MicroPython;
use super::script::{Script, literal};
use crate::driver::{Capability, MARK};
use crate::session::Result;

/// Replaces the driver's `show` by one that prints the picture afterwards, row by row from the most significant bit on; of an object
/// it is printed at once as well. Drivers are framebuffers, or have one as `framebuf`.
const MIRROR: &str = "
def _espalier(path):
 import framebuf, binascii
 names = path.split('.')
 found = globals().get(names[0]) or __import__(names[0])
 for name in names[1:]:
  found = getattr(found, name)
 driver = found if isinstance(found, type) else type(found)
 memory = bytearray(1024)
 picture = framebuf.FrameBuffer(memory, 128, 64, framebuf.MONO_HLSB)
 def send(display):
  picture.fill(0)
  picture.blit(getattr(display, 'framebuf', display), 0, 0)
  data = binascii.b2a_base64(memory)[:-1].decode()
  print('MARK@screen 128x64 row-major %08x %s' % (binascii.crc32(memory) & 0xffffffff, data))
 if not hasattr(driver, '_espalier_show'):
  driver._espalier_show = driver.show
  def show(display, *arguments, **options):
   shown = display._espalier_show(*arguments, **options)
   send(display)
   return shown
  driver.show = show
 if driver is not found:
  send(found)
";

impl MicroPython {
    /// Lets [`Board::screen`](crate::Board::screen) see a display that only MicroPython knows: the one on a bench. Where the harness
    /// sees the display by itself, this does nothing, so that one test serves every board.
    ///
    /// `display` names the display or the class of its driver, as the program finds it: `mpython.oled`, `ssd1306.SSD1306_I2C`, or
    /// the name of a global variable. It is a `framebuf.FrameBuffer`, or has one called `framebuf`, of 128 by 64 pixels, and its
    /// method `show` brings the picture to the panel. From then on the picture is also sent over the console, after each `show`,
    /// which takes the board an eighth of a second at 115200 baud; the harness takes it out of what tests see there. A reset of the
    /// board or of the interpreter ends this.
    ///
    /// # Errors
    /// If the script that looks for the display fails, or the board is lost.
    pub async fn mirror(&self, display: impl AsRef<str>) -> Result<()> {
        {
            let mut state = self.shared().lock();
            if state.driver.supports(Capability::DisplayMemory) {
                return Ok(());
            }
            state.driver.mirror_display();
        }
        let display = display.as_ref();
        let mark = format!("\\x{MARK:02x}");
        let call = format!("try:\n _espalier({})\nfinally:\n del _espalier\n", literal(display));
        let script = Script::new(MIRROR.trim_start().replace("MARK", &mark) + &call);
        self.exec(script.named(format!("mirror of {display}"))).await.map(drop)
    }
}
