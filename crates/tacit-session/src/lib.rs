//! Who takes part, what they agreed, what was said: sans-IO protocol sessions
