"""The settings of a site, for owners and admins of its organisation."""
