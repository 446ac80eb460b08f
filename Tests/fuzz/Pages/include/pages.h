// No huge pages: pages.c.
