"""`make bench`: measures this system on this machine and writes docs/benchmarks.md with its plots.

One module for each group of figures; what is compared with each other runs side by side in one run.
"""
