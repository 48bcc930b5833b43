from django.urls import path

from shop import views

urlpatterns = [path("plans/<int:plan>/pdf", views.remove_pdf)]
