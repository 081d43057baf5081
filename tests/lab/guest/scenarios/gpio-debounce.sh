# A contact that bounces is one edge.
make_gpio_chip
run_guest gpio debounce
pass "$figures"
