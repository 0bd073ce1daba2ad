"""Loss terms: plain functions of two `Outputs` that return a sum and a count."""
