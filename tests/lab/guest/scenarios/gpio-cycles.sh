# A GPIO interrupt is disabled and enabled while its line goes up and down: each edge is delivered or stale, and the level tells the rest.
make_gpio_chip
run_guest gpio cycles
pass "$figures"
