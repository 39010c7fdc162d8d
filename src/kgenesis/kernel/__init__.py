"""The language every part of K-Genesis speaks; it knows none of them."""
