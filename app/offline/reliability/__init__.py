"""What a server must bear: hostile bodies, clients that misbehave, signals; and who tries it out.

Against any running service, by HTTP alone. Knows nothing of how it is built.
"""
