"""What the tests share: makers of pictures, a stand-in for an encoder, the installed program."""
