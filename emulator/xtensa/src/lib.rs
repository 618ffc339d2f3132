//! Xtensa LX6 core as configured in the ESP32.
