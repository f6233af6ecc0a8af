"""Many files through the service: which, what came of each, and a table that survives a kill.

inputs (a folder, a glob, a list) -> service (the application in this process, or a running
one) -> table (a line per file, in the order of the inputs; what failed by chance is asked again
by the next run, and comes last then) and heatmaps
"""
