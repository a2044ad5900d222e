"""`python -m services.text_moderation.classifier train DATA.csv --out MODEL.npz`."""

from services.text_moderation.classifier.train import main

if __name__ == "__main__":
    raise SystemExit(main())
