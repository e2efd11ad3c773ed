"""The tiny checkout: pages and webhooks that turn money into credits."""
