"""`make bench`: measures this system on this machine and writes docs/benchmarks.md with its plots.

One module per group of figures. Things that are compared run alternately, in one run.
"""
