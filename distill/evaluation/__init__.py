"""How well a recogniser reads: scores, calibration, the report, and what is wrong with lines."""
