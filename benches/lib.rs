//! The benchmarks that Criterion measures: of the machine, of a test of the tutorial, and of Wi-Fi.
