"""Real PostgreSQL and real Valkey from wheels, as images of the yard: found, prepared and started without rights."""
