"""What was spoken or written down once, kept so that equal requests of the same tenant need no engine.

``spoken`` and ``written`` stand before the engines; ``tiers`` holds what is kept (memory, folder, Redis); ``flight`` lets
equal requests that come at the same time share one upstream request.
"""
