"""What model calls cost: written down one by one, and never more than the caps allow."""
