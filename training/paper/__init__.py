"""The symbolic paper's models: their data, fit, ablations, generation, and the causal variant beside them."""
