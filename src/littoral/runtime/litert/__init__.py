"""LiteRT underneath: its C interface, its interpreter, its GPU."""
