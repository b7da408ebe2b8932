"""Users, population, arrivals, visits, retention, satisfaction."""
