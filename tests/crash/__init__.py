"""The store on a card that loses power, fails or rots: SQLite's own writes recorded, cut off, refused and damaged."""
