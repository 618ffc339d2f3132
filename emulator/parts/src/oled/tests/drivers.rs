//! The driver crates draw through the module, and the picture is what was drawn.

mod ssd1306_crate {
    use super::super::{OledConfig, SSD1306, Wire, assert_same, draw, drawing, turned};
    use ssd1306::mode::DisplayConfig;
    use ssd1306::prelude::{
        Brightness, DisplayRotation, DisplaySize, DisplaySize64x48, DisplaySize72x40, DisplaySize96x16,
        DisplaySize128x32, DisplaySize128x64,
    };
    use ssd1306::{I2CDisplayInterface, Ssd1306};

    const ROTATIONS: [DisplayRotation; 4] =
        [DisplayRotation::Rotate0, DisplayRotation::Rotate90, DisplayRotation::Rotate180, DisplayRotation::Rotate270];

    fn check<S: DisplaySize + Copy>(size: S) {
        let config = OledConfig { width: S::WIDTH, height: S::HEIGHT, visible_column: S::OFFSETX, ..SSD1306 };
        let (width, height) = (u32::from(S::WIDTH), u32::from(S::HEIGHT));
        for (quarters, rotation) in ROTATIONS.into_iter().enumerate() {
            let wire = Wire::new(config);
            let interface = I2CDisplayInterface::new(wire.clone());
            let mut display = Ssd1306::new(interface, size, rotation).into_buffered_graphics_mode();
            display.init().unwrap();
            draw(&mut display);
            display.flush().unwrap();
            let upright = if quarters % 2 == 0 { drawing(width, height) } else { drawing(height, width) };
            let expected = turned(&upright, quarters as u32);
            assert_same(&wire.picture(), &expected, &format!("{width}x{height} turned {quarters} quarters"));
            assert_eq!(wire.0.borrow().unknown_commands(), 0);
        }
    }

    #[test]
    fn draws_on_every_size_in_every_rotation() {
        check(DisplaySize128x64);
        check(DisplaySize128x32);
        check(DisplaySize96x16);
    }

    /// These sizes sit in the middle of the columns, which the driver counts from the other end when it is turned.
    #[test]
    fn draws_on_narrow_glass() {
        check(DisplaySize64x48);
        check(DisplaySize72x40);
    }

    /// The terminal mode uses page addressing.
    #[test]
    fn writes_characters_page_by_page() {
        let wire = Wire::new(SSD1306);
        let interface = I2CDisplayInterface::new(wire.clone());
        let mut display = Ssd1306::new(interface, DisplaySize128x64, DisplayRotation::Rotate0).into_terminal_mode();
        display.init().unwrap();
        display.clear().unwrap();
        for character in "ab".chars() {
            display.print_char(character).unwrap();
        }
        let oled = wire.0.borrow();
        let lit: Vec<usize> = (0..oled.gddram().len()).filter(|index| oled.gddram()[*index] != 0).collect();
        assert!(!lit.is_empty() && lit.iter().all(|index| *index < 16), "two characters at the top left: {lit:?}");
    }

    #[test]
    fn inverts_switches_off_and_dims() {
        let wire = Wire::new(SSD1306);
        let interface = I2CDisplayInterface::new(wire.clone());
        let mut display =
            Ssd1306::new(interface, DisplaySize128x64, DisplayRotation::Rotate0).into_buffered_graphics_mode();
        display.init().unwrap();
        draw(&mut display);
        display.flush().unwrap();
        let lit = wire.picture().pixels().iter().filter(|lit| **lit).count();
        display.set_invert(true).unwrap();
        assert_eq!(wire.picture().pixels().iter().filter(|lit| !**lit).count(), lit);
        display.set_brightness(Brightness::BRIGHTEST).unwrap();
        assert_eq!(wire.0.borrow().contrast(), 0xFF);
        display.set_display_on(false).unwrap();
        assert!(!wire.0.borrow().is_on() && wire.picture().pixels().iter().all(|lit| !lit));
    }
}

mod sh1106_crate {
    use super::super::{OledConfig, SH1106, Wire, assert_same, draw, drawing, turned};
    use sh1106::Builder;
    use sh1106::displayrotation::DisplayRotation;
    use sh1106::displaysize::DisplaySize;
    use sh1106::mode::GraphicsMode;

    fn check(size: DisplaySize, config: OledConfig) {
        let (width, height) = (u32::from(config.width), u32::from(config.height));
        let rotations = [
            DisplayRotation::Rotate0,
            DisplayRotation::Rotate90,
            DisplayRotation::Rotate180,
            DisplayRotation::Rotate270,
        ];
        for (quarters, rotation) in rotations.into_iter().enumerate() {
            let wire = Wire::new(config);
            let mut display: GraphicsMode<_> =
                Builder::new().with_size(size).with_rotation(rotation).connect_i2c(wire.clone()).into();
            display.init().unwrap();
            draw(&mut display);
            display.flush().unwrap();
            let upright = if quarters % 2 == 0 { drawing(width, height) } else { drawing(height, width) };
            assert_same(&wire.picture(), &turned(&upright, quarters as u32), &format!("turned {quarters} quarters"));
        }
    }

    /// On I2C the crate always starts at column 2, also for the size that it calls `Display128x64NoOffset`.
    #[test]
    fn draws_on_every_size_in_every_rotation() {
        check(DisplaySize::Display128x64, SH1106);
        check(DisplaySize::Display128x32, OledConfig { height: 32, ..SH1106 });
    }
}
