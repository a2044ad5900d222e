"""The text classifier: features, model file, training. The shipped model is described in model_card.md."""
