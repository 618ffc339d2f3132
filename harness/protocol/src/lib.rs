//! Frames that firmware and harness exchange over the console.
