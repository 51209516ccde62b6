"""Speed, as ratios against the kernel's own floor in the same run. Never part of the tests."""
