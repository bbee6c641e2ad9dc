"""Virtual machines as pilots: user-data and the OpenStack provider."""
