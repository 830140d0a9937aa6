"""Learning: training of encoders and, later, of adapters. torch is imported here throughout, and nowhere above."""
