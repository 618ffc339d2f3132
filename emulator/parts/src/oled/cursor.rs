//! Where the next data byte goes (SSD1306 datasheet, chapter 10.1.3; SH1106 datasheet, "Column address circuit").

use super::{Controller, PAGES};

const NIBBLE: usize = 0xF;
const NIBBLE_BITS: u32 = 4;

/// Order in which data bytes fill the RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Along the columns of the window, then to the next page.
    Horizontal,
    /// Down the pages of the window, then to the next column.
    Vertical,
    /// Along the columns of one page.
    Page,
}

espalier_core::persist!(
    enum Order {
        Horizontal,
        Vertical,
        Page,
    }
);

/// Page and column pointer with the window in which they run.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    controller: Controller,
    pub(super) order: Order,
    page: usize,
    column: usize,
    /// First and last column of the window; page order has a first column of its own.
    columns: (usize, usize),
    pages: (usize, usize),
    first_in_page: usize,
    /// The column to go back to after a read-modify-write.
    held: Option<usize>,
}

espalier_core::persist! {
    state Cursor {
        order, page, column, columns, pages, first_in_page, held
    } fixed { controller } if Cursor::is_sound;
}

impl Cursor {
    /// As after power-on.
    pub(super) fn new(controller: Controller) -> Cursor {
        Cursor {
            controller,
            order: Order::Page,
            page: 0,
            column: 0,
            columns: (0, controller.columns() - 1),
            pages: (0, PAGES - 1),
            first_in_page: 0,
            held: None,
        }
    }

    /// Index into the RAM; None after the last column of a controller that stops there.
    pub(super) fn index(&self) -> Option<usize> {
        let columns = self.controller.columns();
        (self.column < columns).then(|| self.page * columns + self.column)
    }

    fn is_sound(&self) -> bool {
        let first_and_last = [self.pages.0, self.pages.1];
        self.page < PAGES && first_and_last.iter().all(|page| *page < PAGES)
    }

    pub(super) fn set_page(&mut self, page: u8) {
        self.page = usize::from(page) % PAGES;
    }

    /// Sets the lower half of the column pointer.
    pub(super) fn set_column_low(&mut self, nibble: u8) {
        self.set_column(self.column & !NIBBLE | usize::from(nibble));
    }

    /// Sets the upper half of the column pointer.
    pub(super) fn set_column_high(&mut self, nibble: u8) {
        self.set_column(self.column & NIBBLE | usize::from(nibble) << NIBBLE_BITS);
    }

    /// The SH1106 can be sent past its last column, where writes are lost.
    fn set_column(&mut self, column: usize) {
        self.column = match self.controller {
            Controller::Ssd1306 => column % self.controller.columns(),
            Controller::Sh1106 => column,
        };
        self.first_in_page = self.column;
    }

    /// Sets the columns of the window, and goes to the first of them.
    pub(super) fn set_columns(&mut self, first: u8, last: u8) {
        let columns = self.controller.columns();
        self.columns = (usize::from(first) % columns, usize::from(last) % columns);
        self.column = self.columns.0;
    }

    /// Sets the pages of the window, and goes to the first of them.
    pub(super) fn set_pages(&mut self, first: u8, last: u8) {
        self.pages = (usize::from(first) % PAGES, usize::from(last) % PAGES);
        self.page = self.pages.0;
    }

    pub(super) fn begin_read_modify_write(&mut self) {
        self.held = Some(self.column);
    }

    pub(super) fn end_read_modify_write(&mut self) {
        if let Some(column) = self.held.take() {
            self.column = column;
        }
    }

    /// A data byte was written.
    pub(super) fn advance_after_write(&mut self) {
        match (self.controller, self.order) {
            (Controller::Sh1106, _) => self.column = (self.column + 1).min(self.controller.columns()),
            (Controller::Ssd1306, Order::Page) => {
                let last = self.controller.columns() - 1;
                self.column = if self.column == last { self.first_in_page } else { self.column + 1 };
            }
            (Controller::Ssd1306, Order::Horizontal) => {
                if self.next_column() {
                    self.next_page();
                }
            }
            (Controller::Ssd1306, Order::Vertical) => {
                if self.next_page() {
                    self.next_column();
                }
            }
        }
    }

    /// A data byte was read.
    pub(super) fn advance_after_read(&mut self) {
        if self.held.is_none() {
            self.advance_after_write();
        }
    }

    /// True if the window began anew.
    fn next_column(&mut self) -> bool {
        let (first, last) = self.columns;
        let wrapped = self.column == last;
        self.column = if wrapped { first } else { (self.column + 1) % self.controller.columns() };
        wrapped
    }

    fn next_page(&mut self) -> bool {
        let (first, last) = self.pages;
        let wrapped = self.page == last;
        self.page = if wrapped { first } else { (self.page + 1) % PAGES };
        wrapped
    }
}
