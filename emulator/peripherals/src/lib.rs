//! Espressif IP blocks as register models.
