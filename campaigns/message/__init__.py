"""What a mail is made of, on both sides of the wall: shapes, filling, MIME and header rules; standard library only."""
