"""The demo backbone: its recipe, training, evaluation and shipping (`scripts/train_demo_backbone`).

prompts, data -> model -> losses -> training -> command -> report, samples
"""
