"""`python -m services.text_moderation.classifier train DATA.csv --out MODEL.npz`, and `evaluate`."""

from services.text_moderation.classifier.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
