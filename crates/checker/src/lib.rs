//! Reads a history of what was sent, answered and received, and says which promise it breaks.
