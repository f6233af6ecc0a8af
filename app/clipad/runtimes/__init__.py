"""What runs the two-path image encoder: torch itself, or on CPUs OpenVINO.

A runtime turns a dual path into a stage encoder, images in and stage tokens out; maps, scores and
texts stay with torch whichever it is.
"""
