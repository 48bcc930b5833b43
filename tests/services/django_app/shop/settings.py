SECRET_KEY = "only for this example"
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
