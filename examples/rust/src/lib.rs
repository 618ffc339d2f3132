//! The firmware's host-side code would be here. This example has only the tests in `tests`.
